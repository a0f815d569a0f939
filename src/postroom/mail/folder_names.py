"""Names that mail programs give to folders of drafts, junk and trash, for servers that do not mark them (RFC 6154)."""

_NAMES = {
    "\\Drafts": (
        "draft, drafts, entwürfe, brouillons, borradores, bozze, concepten, rascunhos, utkast, kladder,"
        " luonnokset, koncepty, kopie robocze, szkice, piszkozatok, ciorne, taslaklar, πρόχειρα, черновики,"
        " чернетки, טיוטות, المسودات, 下書き, 草稿, 草稿箱, 草稿匣, 임시 보관함, 임시보관함"
    ),
    "\\Junk": (
        "junk, junk e-mail, junk email, junk mail, spam, bulk mail, spamverdacht, unerwünscht,"
        " unerwünschte werbung, courrier indésirable, indésirables, pourriel, correo no deseado,"
        " posta indesiderata, ongewenste e-mail, ongewenste reclame, lixo eletrônico, lixo electrónico,"
        " skräppost, søppelpost, uønsket e-mail, roskaposti, nevyžádaná pošta, niechciane, wiadomości-śmieci,"
        " levélszemét, önemsiz, ανεπιθύμητα, спам, нежелательная почта, דואר זבל, البريد العشوائي,"
        " 迷惑メール, 垃圾邮件, 垃圾郵件, 스팸, 스팸 메일함, 정크 메일"
    ),
    "\\Trash": (
        "trash, bin, deleted, deleted items, deleted messages, papierkorb, gelöscht, gelöschte elemente,"
        " gelöschte objekte, corbeille, éléments supprimés, messages supprimés, papelera,"
        " elementos eliminados, cestino, posta eliminata, prullenbak, verwijderde items, lixeira,"
        " itens excluídos, itens eliminados, papperskorg, papperskorgen, borttaget, slettet,"
        " slettede elementer, papirkurv, slettet post, roskakori, poistetut, koš, odstraněná pošta, kosz,"
        " elementy usunięte, törölt elemek, kuka, coș de gunoi, çöp kutusu, çöp, silinmiş öğeler,"
        " κάδος απορριμμάτων, корзина, удаленные, удалённые, кошик, אשפה, פריטים שנמחקו, المهملات, ゴミ箱,"
        " 削除済みアイテム, 已删除, 已删除邮件, 已刪除的郵件, 废件箱, 垃圾桶, 휴지통, 지운 편지함"
    ),
}

SKIPPED_NAMES = {name.casefold(): use for use, names in _NAMES.items() for name in names.split(", ")}
